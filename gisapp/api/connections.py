"""Lines to clients: the head of a request must be there in time and within a size.

Bodies are looked after by ``guard``; before the head is complete no application is asked, so it is looked after here. Given to
uvicorn by ``onemap serve``.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gisapp.api import limits


class Connection(HttpToolsProtocol):
    """One line. It is closed when a head takes too long or is too large, and when nothing comes at all."""

    _awaited: asyncio.TimerHandle | None = None
    _in_head = True
    _head_size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected: the first head is awaited."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The line has ended."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes have come; those that leave a head incomplete are counted."""
        super().data_received(data)
        if not self._in_head:
            return
        self._head_size += len(data)
        if self._head_size > limits.HEAD:
            self._stop_waiting()
            self.send_400_response("The head of the request is too large.")
        elif self._awaited is None:
            self._await_head()

    def on_message_begin(self) -> None:
        """A head begins."""
        self._in_head = True
        self._head_size = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A head is complete; the application takes over."""
        self._in_head = False
        self._stop_waiting()
        super().on_headers_complete()

    def _await_head(self) -> None:
        self._awaited = self.loop.call_later(limits.HEAD_S, self._give_up)

    def _stop_waiting(self) -> None:
        if self._awaited is not None:
            self._awaited.cancel()
            self._awaited = None

    def _give_up(self) -> None:
        self._awaited = None
        if not self.transport.is_closing():
            self.transport.close()
