"""The small hub's two HTTP servers: what they answer to which request."""

import contextlib
import json
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from small_hub import Content, Fault, Request, SmallHub, SmallRepo

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["make_server"]


def make_server(hub: SmallHub, where: str) -> ThreadingHTTPServer:
    """Bind one of the two servers to a free port."""

    class Bound(_Handler):
        pass

    Bound.hub, Bound.where = hub, where
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
    server.daemon_threads = True
    return server


class _Handler(BaseHTTPRequestHandler):
    hub: SmallHub
    where: str
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        # Small, so that few of the counted bytes are still on their way.
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 128 << 10)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().setup()

    def log_message(self, *_: object) -> None:
        pass

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # the client was killed
            super().handle()

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.hub.remember(Request(self.where, self.command, self.path, dict(self.headers.items())))
        self.fault = self.hub.take_fault(self.path) or Fault()
        if self.fault.status is not None:
            self._send(self.fault.status, b"{}", self.fault.headers)
        elif self.fault.body is not None:
            self._send(200, self.fault.body, {"Content-Type": "text/html"})
        elif self.where == "storage":
            repo, _, name = unquote(url.path).removeprefix("/").rpartition("//")
            self._send_file(self.hub.repos[repo].files[name], name)
        elif url.path.startswith("/api/v1/models/"):
            self._answer_modelscope(url.path.removeprefix("/api/v1/models/"), parse_qs(url.query))
        elif url.path.startswith("/api/models/"):
            self._answer_info(url.path.removeprefix("/api/models/"))
        elif "/resolve/" in url.path:
            self._answer_resolve(url.path.removeprefix("/"))
        else:
            self._refuse(404, "EntryNotFound", "Not Found")

    def _answer_info(self, path: str) -> None:
        org, name, *rest = path.split("/", 3)
        name, repo = f"{org}/{name}", self._find(f"{org}/{name}", path)
        if repo is None:
            return
        if rest and unquote(rest[1]).split("/")[0] not in ("main", repo.commit):
            self._refuse(404, "RevisionNotFound", f"Invalid rev id: {rest[1]}")
        elif rest and rest[0] == "tree":
            self._send_json([_tree_entry(repo, one) for one in repo.files])
        else:
            self._send_json(_info(name, repo))

    def _answer_resolve(self, path: str) -> None:
        name, _, rest = path.partition("/resolve/")
        revision, _, file = unquote(rest).partition("/")
        repo = self._find(name, path, is_file=True)
        if repo is None:
            return
        if revision not in ("main", repo.commit):
            self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        elif file not in repo.files:
            self._refuse(404, "EntryNotFound", "Entry not found")
        elif repo.is_large(file):
            linked = {
                "Location": f"{self.hub.storage}/{quote(name)}//{quote(file)}?Signature=x",
                "X-Repo-Commit": repo.commit,
                "X-Linked-Size": str(repo.files[file].size),
                "X-Linked-Etag": f'"{repo.files[file].sha256}"',
            }
            self._send(302, b"", linked)
        else:
            etag = f'"{repo.files[file].blob_id}"'
            self._send_file(repo.files[file], file, {"X-Repo-Commit": repo.commit, "ETag": etag})

    def _answer_modelscope(self, path: str, query: "Mapping[str, list[str]]") -> None:
        org, name, *rest = path.split("/", 2)
        repo, revision = self.hub.repos.get(f"{org}/{name}"), query.get("Revision", ["master"])[0]
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if repo is None or revision not in ("master", repo.commit):
            self._send_json({"Code": 10010205001, "Message": "not found"}, 404)
        elif repo.token is not None and token != repo.token:
            self._send_json({"Code": 10010205002, "Message": "no access"}, 403)
        elif rest == ["repo/files"]:
            files = [_modelscope_entry(repo, one) for one in repo.files]
            self._send_json({"Code": 200, "Success": True, "Data": {"Files": files}})
        elif (file := query["FilePath"][0]) in repo.files and repo.is_large(file):
            location = f"{self.hub.storage}/{quote(f'{org}/{name}')}//{quote(file)}?Signature=x"
            self._send(302, b"", {"Location": location})
        else:
            self._send_file(repo.files[file], file)

    def _find(self, name: str, path: str, *, is_file: bool = False) -> SmallRepo | None:
        """Find a repository, or answer why it is not to be had."""
        repo = self.hub.repos.get(name)
        token = self.headers.get("Authorization", "").removeprefix("Bearer ") or None
        if token == "expired":
            self._refuse(401, None, "Invalid credentials in Authorization header")
        elif repo is None or (repo.token is not None and token != repo.token and not repo.gated):
            status = 404 if token else 401
            self._refuse(status, "RepoNotFound" if token else None, "Repository not found")
        elif repo.moved_to is not None:
            prefix = "" if is_file else "/api/models"
            self._send(307, b"", {"Location": f"{prefix}/{path.replace(name, repo.moved_to, 1)}"})
        elif repo.is_disabled:
            self._refuse(403, None, "Access to this resource is disabled.")
        elif repo.gated and is_file and token != repo.token:
            self._refuse(403 if token else 401, "GatedRepo", f"Access to {name} is restricted")
        else:
            return repo
        return None

    def _refuse(self, status: int, code: str | None, message: str) -> None:
        headers = {"X-Error-Message": message, **({"X-Error-Code": code} if code else {})}
        self._send(status, json.dumps({"error": message}).encode(), headers)

    def _send_json(self, value: Any, status: int = 200) -> None:
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, body: bytes, headers: "Mapping[str, str]") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def _send_file(
        self, content: Content, name: str, headers: "Mapping[str, str] | None" = None
    ) -> None:
        start, stop = 0, content.size
        told = self.headers.get("Range")
        has_range = told is not None and not self.fault.ignores_range
        if told is not None and has_range:
            first, _, last = told.removeprefix("bytes=").partition("-")
            start, stop = int(first), min(content.size, int(last) + 1 if last else content.size)
            start, stop = start + self.fault.shift, min(content.size, stop + self.fault.shift)
            stop = start + (stop - start) // 2 if self.fault.is_short else stop
            if start >= content.size:
                self._send(416, b"", {"Content-Range": f"bytes */{content.size}"})
                return
        self.send_response(206 if has_range else 200)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        if has_range:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{content.size}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(stop - start))
        self.end_headers()
        if self.command == "GET":
            self._send_body(content, name, start, stop)

    def _send_body(self, content: Content, name: str, start: int, stop: int) -> None:
        fault = self.fault
        for limit in (fault.cut_after, fault.stall_after):
            stop = stop if limit is None else min(stop, start + limit)
        for piece in content.pieces(start, stop):
            body = bytes(one ^ 1 for one in piece) if fault.is_wrong else piece
            self.wfile.write(body)
            self.hub.count(name, len(body))
        if fault.stall_after is not None:
            self.hub.released.wait(60)
        if fault.stall_after is not None or fault.cut_after is not None:
            self.close_connection = True
            self.request.shutdown(socket.SHUT_RDWR)


def _info(name: str, repo: SmallRepo) -> dict[str, Any]:
    """Make what `GET /api/models/NAME?blobs=true` answers."""
    return {
        "_id": "0" * 24,
        "id": name,
        "modelId": name,
        "sha": repo.commit,
        "private": repo.token is not None,
        "gated": "manual" if repo.gated else False,
        "disabled": False,
        "tags": [],
        "downloads": 0,
        "likes": 0,
        "cardData": dict(repo.card),
        "siblings": [_sibling(repo, one) for one in repo.files],
    }


def _sibling(repo: SmallRepo, name: str) -> dict[str, Any]:
    content = repo.files[name]
    if not repo.is_large(name):
        return {"rfilename": name, "size": content.size, "blobId": content.blob_id}
    # The blob of a large file is its LFS pointer, whose id nobody needs here.
    sha256 = "0" * 64 if name in repo.lies else content.sha256
    lfs = {"sha256": sha256, "size": content.size, "pointerSize": 134}
    return {"rfilename": name, "size": content.size, "blobId": "0" * 40, "lfs": lfs}


def _tree_entry(repo: SmallRepo, name: str) -> dict[str, Any]:
    told = _sibling(repo, name)
    entry = {"type": "file", "path": name, "size": told["size"], "oid": told["blobId"]}
    if lfs := told.get("lfs"):
        entry["lfs"] = {"oid": lfs["sha256"], "size": lfs["size"], "pointerSize": 134}
    return entry


def _modelscope_entry(repo: SmallRepo, name: str) -> dict[str, Any]:
    content = repo.files[name]
    return {
        "Path": name,
        "Name": name.rpartition("/")[2],
        "Type": "blob",
        "Size": content.size,
        "Sha256": "0" * 64 if name in repo.lies else content.sha256,
        "Revision": repo.commit,
        "CommittedDate": 1700000000,
        "IsLFS": repo.is_large(name),
    }
