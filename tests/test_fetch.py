"""Downloads, against a server on this machine that replays recorded answers and every fault."""

from __future__ import annotations

import errno
import io
import json
import threading
import zipfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import urlsplit

import pytest

from lsp_analysis.errors import SourceError
from lsp_analysis.sources import download, fetch

NAMES = "name,title,publisher,licence,kind,url,query,file,expects,size,note"
BODY = b"LSOA11CD,value\n" + b"E01004766,1\n" * 400
NEWER = BODY.replace(b",1", b",2")
LOOKUP = {"features": [{"attributes": {"LSOA11CD": "E01004766", "LAD22CD": "E08000001"}}]}


class Answers(BaseHTTPRequestHandler):
    """One fault by path; `asked` counts requests of each path."""

    asked: ClassVar[Counter[str]] = Counter()
    waiting: ClassVar[threading.Event] = threading.Event()

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

    def part(self, body, length, **headers):
        """Less than was promised, and the connection closed."""
        self.send_response(200)
        for name, value in {"Content-Length": length, **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def answer(self):
        path = urlsplit(self.path).path
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
                told = f"bytes {begun}-{len(BODY) - 1}/{len(BODY)}"
                self.send(BODY[begun:], 206, Content_Range=told, ETag='"1"')
            else:
                self.part(BODY[:3000], len(BODY), ETag='"1"')
        elif path in ("/layer", "/short"):
            first_page = "resultOffset=0" in self.form
            answer = LOOKUP if first_page or path == "/layer" else {"features": []}
            counted = "returnCountOnly" in self.form
            self.send(json.dumps({"count": 2} if counted else answer).encode())
        elif path == "/break" and first:
            self.part(b"{", len(BODY))
        elif path == "/break":
            self.send(json.dumps({"count": 0, **LOOKUP} | {"features": []}).encode())
        elif path == "/wrong":
            self.part(BODY, len(BODY) + 9, ETag='"1"')
        elif path == "/slow":
            self.waiting.wait()
        elif path == "/changed":  # another file under the same address, after the first broke off
            if first:
                self.part(BODY[:3000], len(BODY), ETag='"1"')
            else:
                self.send(NEWER if self.headers.get("If-Range") == '"1"' else b"", ETag='"2"')
        elif path == "/later" and first:
            self.send(b"", 429, Retry_After=86_400)
        elif path == "/renamed":
            self.send(json.dumps({"error": {"code": 400, "message": "Invalid URL"}}).encode())
        else:
            self.send(BODY)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(download, "BACKOFF_SECONDS", 0)
    Answers.asked, Answers.waiting = Counter(), threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        Answers.waiting.set()
        running.shutdown()


@pytest.fixture
def fetched(server, tmp_path):
    """What comes of one address; its kind, file and expected headings may be given."""

    def get(path, kind="file", file="t.csv", expects="LSOA11CD", query=""):
        row = f"one,One,Somebody,OGL,{kind},{server}{path},{query},{file},{expects},1 MB,"
        (tmp_path / "addresses.csv").write_text(f"{NAMES}\n{row}\n")
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
        ("/short", {"kind": "arcgis"}, "1 records came and the publisher has 2"),
        ("/break", {"kind": "arcgis"}, "the publisher has no record of E08000001"),
        ("/wrong", {}, "the download broke off 5 times"),
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
    assert Answers.asked["/layer"] == 3  # how many there are, and two pages


def test_an_archive_is_kept_packed(fetched):
    assert zipfile.is_zipfile(fetched("/zip", file="t.zip", expects="").files["one"])


def test_an_unreachable_publisher_is_a_sentence(server, fetched, monkeypatch, tmp_path):
    monkeypatch.setattr(download, "TRIES", 1)
    table = tmp_path / "own.csv"
    listed = fetch.addresses_frame(fetch.read_addresses())
    assert listed["licence"].ne("").all()
    table.write_text(f"{NAMES}\none,One,S,OGL,file,http://127.0.0.1:9/x,,t.csv,,1 MB,\n")
    done = fetch.fetch_borough("E08000001", tmp_path / "out", addresses=table)
    assert "did not answer" in done.problems["one"]


def test_a_file_that_changed_meanwhile_is_begun_again_and_not_pieced_together(fetched):
    assert fetched("/changed").files["one"].read_bytes() == NEWER


def test_a_publisher_that_does_not_answer_is_not_waited_for_without_end(fetched, monkeypatch):
    monkeypatch.setattr(download, "WAIT_SECONDS", 0.2)
    monkeypatch.setattr(download, "TRIES", 1)
    assert "did not answer" in fetched("/slow").problems["one"]


def test_a_wait_of_a_day_is_not_waited_for(fetched, monkeypatch):
    monkeypatch.setattr(download, "LONGEST_WAIT_SECONDS", 0)
    assert fetched("/later").files["one"].read_bytes() == BODY


def test_a_proxy_of_the_environment_is_used(server, tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", server)
    monkeypatch.setenv("no_proxy", "")
    table = tmp_path / "own.csv"
    table.write_text(f"{NAMES}\none,One,S,OGL,file,http://publisher.invalid/whole,,t.csv,,1 MB,\n")
    done = fetch.fetch_borough("E08000001", tmp_path / "out", addresses=table)
    assert done.files["one"].read_bytes() == BODY


def test_a_full_disk_is_one_sentence_and_what_came_is_gone_on_with(fetched, monkeypatch):
    whole = download.Client.whole_file

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download.Client, "whole_file", full)
    assert "No space left on device" in fetched("/whole").problems["one"]
    monkeypatch.setattr(download.Client, "whole_file", whole)
    assert fetched("/whole").files["one"].read_bytes() == BODY


def test_what_was_interrupted_goes_on_from_there(fetched, monkeypatch, tmp_path):
    refuse = fetch._refuse_other

    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(fetch, "_refuse_other", stopped)
    with pytest.raises(KeyboardInterrupt):
        fetched("/whole")
    assert not (tmp_path / "out" / "t.csv").exists()
    monkeypatch.setattr(fetch, "_refuse_other", refuse)
    assert fetched("/whole").files["one"].read_bytes() == BODY


def test_two_commands_at_once_fill_one_folder_one_after_the_other(fetched):
    with ThreadPoolExecutor(2) as pool:
        both = [one.result() for one in [pool.submit(fetched, "/whole") for _ in range(2)]]
    assert [done.problems for done in both] == [{}, {}]
    assert Answers.asked["/whole"] == 1


@pytest.mark.parametrize(
    ("kind", "url", "file", "said"),
    [
        ("ftp", "http://127.0.0.1/x", "t.csv", 'kind is "ftp"'),
        ("file", "file:///etc/passwd", "t.csv", "is no address"),
        ("file", "http://127.0.0.1/x", "../t.csv", "within the folder"),
        ("file", "http://127.0.0.1/x", "/tmp/t.csv", "within the folder"),
    ],
)
def test_a_table_of_addresses_that_cannot_be_followed_names_its_row(
    tmp_path, kind, url, file, said
):
    table = tmp_path / "own.csv"
    table.write_text(f"{NAMES}\none,One,S,OGL,{kind},{url},,{file},,1 MB,\n")
    with pytest.raises(SourceError, match="row 2") as caught:
        fetch.fetch_borough("E08000001", tmp_path / "out", addresses=table)
    assert said in str(caught.value)


def test_what_is_no_code_of_a_borough_is_never_asked_for(tmp_path):
    with pytest.raises(SourceError, match="is no code of a borough"):
        fetch.fetch_borough("E08000001' OR '1'='1", tmp_path / "out")
