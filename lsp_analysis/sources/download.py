"""Requests to publishers that are polite, patient and bounded, and whole files from them."""

import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lsp_analysis import __version__
from lsp_analysis.errors import SourceError

RETRIED = (429, 500, 502, 504)  # 503 is data.police.uk's answer for an area with too much
TRIES = 5
WAIT_SECONDS = 60.0  # for an answer to begin, or go on
LONGEST_WAIT_SECONDS = 120  # that a publisher may ask us to wait before the next try
BACKOFF_SECONDS = 0.5  # before a second try, twice as long before each further one
PAUSE_SECONDS = 0.25  # between requests
KEPT_BYTES = 1 << 10  # written at a time: what breaks off within a piece is lost
AGAIN_LATER = "Try again later; what was fetched is kept."


def _session() -> Any:
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    class Patient(Retry):
        """Waits as long as a publisher asks, within reason."""

        def get_retry_after(self, response: Any) -> float | None:
            asked = super().get_retry_after(response)
            return None if asked is None else min(asked, LONGEST_WAIT_SECONDS)

    retry = Patient(
        total=TRIES, backoff_factor=BACKOFF_SECONDS, status_forcelist=RETRIED,
        allowed_methods=None, respect_retry_after_header=True, raise_on_status=False,
    )  # fmt: skip
    session = requests.Session()
    session.headers["User-Agent"] = f"lsp-analysis/{__version__}"
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    return session


@dataclass
class Client:
    """Asks again, waits as long as it is told to, and says in a sentence what failed."""

    session: Any = field(default_factory=_session)

    def ask(self, method: str, url: str, what: str, **more: Any) -> Any:
        """An answer with status 200, 206 or 416; SourceError that says what came instead.

        An answer whose body breaks off is asked for again, unless it is read as a stream.
        """
        from requests import RequestException
        from requests.exceptions import ChunkedEncodingError

        host = urlsplit(url).netloc
        for tried in range(1, TRIES + 1):
            time.sleep(PAUSE_SECONDS)
            try:
                answer = self.session.request(method, url, timeout=WAIT_SECONDS, **more)
                break
            except RequestException as error:
                if not isinstance(error, ChunkedEncodingError) or tried == TRIES:
                    why = type(error).__name__
                    said = f"{what}: {host} did not answer, or broke off ({why}). {AGAIN_LATER}"
                    raise SourceError(said) from error
        if answer.status_code not in (200, 206, 416):
            raise SourceError(
                f"{what}: {host} answered {answer.status_code} {answer.reason}. "
                "Try again later, or correct the address in a copy of the table of addresses."
            )
        return answer

    def json(self, method: str, url: str, what: str, **more: Any) -> Any:
        """An answer as JSON; ArcGIS tells errors with status 200."""
        text = self.ask(method, url, what, **more).text
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise SourceError(f"{what}: the answer is not JSON: {text[:60]!r}.") from error
        if isinstance(content, dict) and "error" in content:
            said = content["error"]
            said = said.get("message", said) if isinstance(said, dict) else said
            raise SourceError(
                f"{what}: the publisher says: {said}. The layer may have a new name: put it into "
                "a copy of the table of addresses."
            )
        return content

    def whole_file(self, url: str, what: str, part: Path, output: Path) -> None:
        """One file, gone on with in `part` where an earlier try broke off, then moved to `output`.

        It is gone on with only while the publisher says that it is the same file, and otherwise
        begun again.
        """
        import requests

        mark = part.with_name(f"{part.name}-version")
        for _ in range(TRIES):
            have = part.stat().st_size if part.exists() else 0
            version = mark.read_text("utf-8") if have and mark.exists() else ""
            headers = {"Accept-Encoding": "identity"}
            if version:
                headers |= {"Range": f"bytes={have}-", "If-Range": version}
            answer = self.ask("GET", url, what, stream=True, headers=headers)
            part_from = answer.headers.get("Content-Range", "").partition("-")[0]
            goes_on = answer.status_code == 206 and part_from == f"bytes {have}"
            begun = have if goes_on else 0
            if answer.status_code == 416 or (answer.status_code == 206 and not begun):
                part.unlink(missing_ok=True)
                continue
            wanted = answer.headers.get("Content-Length")
            version = answer.headers.get("ETag", "") or answer.headers.get("Last-Modified", "")
            mark.write_text("" if version.startswith("W/") else version, "utf-8")
            try:
                with part.open("ab" if begun else "wb") as file:
                    for piece in answer.iter_content(KEPT_BYTES):
                        file.write(piece)
            except requests.RequestException:
                continue
            if wanted is None or part.stat().st_size == begun + int(wanted):
                os.replace(part, output)
                mark.unlink()
                return
        raise SourceError(
            f"{what}: the download broke off {TRIES} times. Try again: it goes on from there, if "
            "the publisher allows."
        )
