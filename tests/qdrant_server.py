"""
A stand-in for the Qdrant REST server: the client's real HTTP path → qdrant-client's local mode in this process.

Covered: request and response wiring, filters, deletes; bodies are parsed with qdrant-client's own models, so an invalid
request fails. Not covered: what only the server has (HNSW recall, payload indexes, gRPC, authentication, clusters).
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import uvicorn
from fastapi import Body, FastAPI
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter
from qdrant_client import QdrantClient
from qdrant_client.http import models

app = FastAPI()
lock = threading.RLock()  # FastAPI calls the handlers from many threads
store = QdrantClient(":memory:")
Json = Annotated[dict[str, Any], Body()]


def plain(value: Any) -> Any:
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.model_dump(mode="json", exclude_none=True) if hasattr(value, "model_dump") else value


def ok(result: Any) -> JSONResponse:
    return JSONResponse({"time": 0.0, "status": "ok", "result": plain(result)})


def failed(status: int, message: str) -> JSONResponse:
    return JSONResponse({"time": 0.0, "status": {"error": message}}, status_code=status)


@app.get("/")
def root() -> dict[str, str]:
    return {"title": "qdrant - vector search engine", "version": "1.19.0"}


@app.get("/healthz")
def healthz() -> str:
    return "ok"


@app.get("/collections")
def collections() -> JSONResponse:
    return ok(store.get_collections())


@app.get("/collections/{name}/exists")
def exists(name: str) -> JSONResponse:
    return ok({"exists": store.collection_exists(name)})


@app.get("/collections/{name}")
def describe(name: str) -> JSONResponse:
    with lock:
        if not store.collection_exists(name):
            return failed(404, f"Not found: Collection `{name}` doesn't exist!")
        return ok(store.get_collection(name))


@app.put("/collections/{name}")
def create(name: str, body: models.CreateCollection) -> JSONResponse:
    with lock:
        if store.collection_exists(name):
            return failed(409, f"Wrong input: Collection `{name}` already exists!")
        return ok(store.create_collection(name, vectors_config=body.vectors, sparse_vectors_config=body.sparse_vectors))


@app.delete("/collections/{name}")
def drop(name: str) -> JSONResponse:
    with lock:
        return ok(store.delete_collection(name))


@app.put("/collections/{name}/index")
def index(name: str) -> JSONResponse:
    return ok(models.UpdateResult(operation_id=0, status=models.UpdateStatus.COMPLETED))


@app.put("/collections/{name}/points")
def upsert(name: str, body: Json) -> JSONResponse:
    points = TypeAdapter(models.PointInsertOperations).validate_python(body)
    with lock:
        return ok(store.upsert(name, points.batch if isinstance(points, models.PointsBatch) else points.points))


@app.put("/collections/{name}/points/vectors")
def update_vectors(name: str, body: models.UpdateVectors) -> JSONResponse:
    with lock:
        return ok(store.update_vectors(name, body.points))


@app.post("/collections/{name}/points/delete")
def delete(name: str, body: Json) -> JSONResponse:
    with lock:
        return ok(store.delete(name, points_selector=TypeAdapter(models.PointsSelector).validate_python(body)))


@app.post("/collections/{name}/points/payload")
def set_payload(name: str, body: models.SetPayload) -> JSONResponse:
    with lock:
        return ok(store.set_payload(name, body.payload, points=body.points or body.filter))


@app.post("/collections/{name}/points/count")
def count(name: str, body: models.CountRequest) -> JSONResponse:
    with lock:
        return ok(store.count(name, count_filter=body.filter))


@app.post("/collections/{name}/points/scroll")
def scroll(name: str, body: models.ScrollRequest) -> JSONResponse:
    with lock:
        points, next_page = store.scroll(
            name,
            body.filter,
            body.limit or 10,
            None,
            body.offset,
            body.with_payload or False,
            body.with_vector or False,
        )
    return ok({"points": plain(points), "next_page_offset": next_page})


@app.post("/collections/{name}/points")
def retrieve(name: str, body: models.PointRequest) -> JSONResponse:
    with lock:
        return ok(
            store.retrieve(name, body.ids, with_payload=body.with_payload, with_vectors=body.with_vector or False)
        )


def run_query(name: str, body: models.QueryRequest) -> models.QueryResponse:
    return store.query_points(
        name,
        query=body.query,
        using=body.using,
        prefetch=body.prefetch,
        query_filter=body.filter,
        limit=body.limit or 10,
        offset=body.offset,
        with_payload=body.with_payload if body.with_payload is not None else False,
        with_vectors=body.with_vector or False,
        score_threshold=body.score_threshold,
    )


@app.post("/collections/{name}/points/query")
def query(name: str, body: models.QueryRequest) -> JSONResponse:
    with lock:
        return ok(run_query(name, body))


@app.post("/collections/{name}/points/query/batch")
def query_batch(name: str, body: models.QueryRequestBatch) -> JSONResponse:
    with lock:
        return ok([run_query(name, search) for search in body.searches])


@contextmanager
def serving() -> Iterator[str]:
    """Its URL, on a free port of this machine; empty at the start."""
    for collection in store.get_collections().collections:
        store.delete_collection(collection.name)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        threading.Event().wait(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
