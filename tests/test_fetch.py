"""Downloads, against a server on this machine that replays recorded answers and every fault."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from lsp_analysis.sources import fetch

BODY = b"LSOA11CD,value\n" + b"E01004766,1\n" * 400
LOOKUP = {"features": [{"attributes": {"LSOA11CD": "E01004766", "LAD22CD": "E08000001"}}]}


class Answers(BaseHTTPRequestHandler):
    """One fault by path; `asked` counts requests of each path."""

    asked: ClassVar[Counter[str]] = Counter()

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.answer()

    def do_POST(self):
        self.form = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.answer()

    def send(self, body, status=200, **headers):
        self.send_response(status)
        for name, value in {"Content-Length": len(body), **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)

    def answer(self):
        path = self.path.split("?")[0]
        self.asked[path] += 1
        first = self.asked[path] == 1
        if path == "/busy" and first:
            self.send(b"", 429, Retry_After=0)
        elif (path == "/broken" and first) or path == "/never":
            self.send(b"", 500)
        elif path == "/moved":
            self.send(b"", 302, Location="/whole")
        elif path == "/page":
            self.send(b"<!DOCTYPE html><html>log in</html>")
        elif path == "/columns":
            self.send(b"code,value\nE01004766,1\n")
        elif path == "/zip":
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w") as archive:
                archive.writestr("a.csv", BODY)
            self.send(packed.getvalue())
        elif path == "/notzip":
            self.send(BODY)
        elif path == "/cut":
            begun = int(self.headers.get("Range", "bytes=0-")[6:-1])
            if begun:
                self.send(BODY[begun:], 206)
            else:
                self.send_response(200)
                self.send_header("Content-Length", str(len(BODY)))
                self.end_headers()
                self.wfile.write(BODY[:3000])
        elif path == "/layer":
            more = "resultOffset=0" in self.form
            self.send(json.dumps({**LOOKUP, "exceededTransferLimit": more}).encode())
        elif path == "/renamed":
            self.send(json.dumps({"error": {"code": 400, "message": "Invalid URL"}}).encode())
        else:
            self.send(BODY)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(fetch, "PAUSE_SECONDS", 0)
    Answers.asked = Counter()
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.fixture
def fetched(server, tmp_path):
    """What comes of one address; its kind, file and expected headings may be given."""

    def get(path, kind="file", file="t.csv", expects="LSOA11CD", query=""):
        names = "name,title,publisher,licence,kind,url,query,file,expects,size,note"
        row = f"one,One,Somebody,OGL,{kind},{server}{path},{query},{file},{expects},1 MB,"
        (tmp_path / "addresses.csv").write_text(f"{names}\n{row}\n")
        addresses = tmp_path / "addresses.csv"
        return fetch.fetch_borough("E08000001", tmp_path / "out", addresses=addresses)

    return get


@pytest.mark.parametrize("path", ["/whole", "/busy", "/broken", "/moved", "/cut"])
def test_a_file_comes_whole_after_faults_that_pass(fetched, path):
    done = fetched(path)
    assert done.problems == {}
    assert done.files["one"].read_bytes() == BODY


def test_what_broke_off_is_gone_on_with_and_not_begun_again(fetched):
    fetched("/cut")
    assert Answers.asked["/cut"] == 2


def test_what_is_there_is_not_asked_for_again_and_is_on_record(fetched, tmp_path):
    fetched("/whole")
    fetched("/whole")
    assert Answers.asked["/whole"] == 1
    record = (tmp_path / "out" / fetch.RECORD).read_text().splitlines()
    assert record[0].endswith("sha256")
    assert len(record) == 2


@pytest.mark.parametrize(
    ("path", "more", "said"),
    [
        ("/never", {}, "answered 500"),
        ("/page", {}, "a web page came in place of the data"),
        ("/columns", {}, "the columns have changed: there is no LSOA11CD"),
        ("/notzip", {"file": "t.zip", "expects": ""}, "what came is not a .zip file"),
        ("/renamed", {"kind": "arcgis"}, "the publisher says: Invalid URL"),
        ("/page", {"kind": "arcgis"}, "the answer is not JSON"),
    ],
)
def test_what_is_not_the_data_is_told_and_never_kept(fetched, tmp_path, path, more, said):
    done = fetched(path, **more)
    assert said in done.problems["one"]
    assert "NOT FETCHED" in done.sentence()
    assert not list((tmp_path / "out").glob("t.*[vp]"))


def test_a_layer_is_asked_for_page_by_page(fetched):
    done = fetched("/layer", kind="arcgis", query="LAD22CD='{borough}'")
    assert len(done.files["one"].read_text().splitlines()) == 3
    assert Answers.asked["/layer"] == 2


def test_an_archive_is_kept_packed(fetched):
    assert zipfile.is_zipfile(fetched("/zip", file="t.zip", expects="").files["one"])


def test_an_unreachable_publisher_is_a_sentence(server, fetched, monkeypatch, tmp_path):
    monkeypatch.setattr(fetch, "TRIES", 1)
    table = tmp_path / "own.csv"
    listed = fetch.addresses_frame(fetch.read_addresses())
    assert listed["licence"].ne("").all()
    names = "name,title,publisher,licence,kind,url,query,file,expects,size,note"
    table.write_text(f"{names}\none,One,S,OGL,file,http://127.0.0.1:9/x,,t.csv,,1 MB,\n")
    done = fetch.fetch_borough("E08000001", tmp_path / "out", addresses=table)
    assert "did not answer" in done.problems["one"]
