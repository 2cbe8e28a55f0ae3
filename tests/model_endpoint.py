"""A real server that speaks the chat protocol of OpenAI and answers as a test tells it to."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from governance.outgoing import Endpoint

Reply = Callable[[int, dict[str, Any]], tuple[int, bytes]]  # number of the request and its body → status and content


def said(content: object) -> bytes:
    """A well-formed reply with this content: a text, or what is written as JSON."""
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode()


@contextmanager
def serving(reply: Reply) -> Iterator[tuple[Endpoint, list[dict[str, Any]]]]:
    """The endpoint, and what it was sent: bodies with `path` and `key`. 302 leads to a host outside."""
    seen: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append({**body, "path": self.path, "key": self.headers.get("Authorization")})
            status, content = reply(len(seen), body)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "http://192.0.2.1/elsewhere")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield Endpoint(f"http://127.0.0.1:{server.server_port}/v1", "some-model", "secret", 10.0), seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
