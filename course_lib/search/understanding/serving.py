"""A model of one's own behind an OpenAI-compatible endpoint on this machine: to try a client, and to record replies."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from course_lib.core.errors import CourseError
from course_lib.search.understanding.endpoint import LARGEST, Model


@contextmanager
def serve(model: Model) -> Iterator[str]:
    """``with serve(model) as base:`` answers ``POST {base}/chat/completions`` with what the model says.

    It listens on 127.0.0.1 alone, on a free port, one request at a time, and asks for no key: a tool to try things
    with, not a service. A request of another form gets 400, a prompt that the model refuses 422.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, answer = _answer(model, self.path, self._body())
            body = json.dumps(answer, ensure_ascii=False).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _body(self) -> bytes:
            length = self.headers.get("Content-Length", "")
            return self.rfile.read(min(int(length), LARGEST)) if length.isascii() and length.isdigit() else b""

        def log_message(self, *_: Any) -> None:
            """Silence: the default writes each request to stderr."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _answer(model: Model, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
    """Status and content of the answer to one request."""
    try:
        prompt = json.loads(body)["messages"][-1]["content"]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        prompt = None
    if path != "/v1/chat/completions" or not isinstance(prompt, str):
        return 400, {"error": {"message": "expected a chat completion with a text"}}
    try:
        said = model.complete(prompt)
    except CourseError as error:
        return 422, {"error": {"message": str(error)}}
    choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
    return 200, {"object": "chat.completion", "model": model.name, "choices": [choice]}
