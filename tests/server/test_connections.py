"""Clients: a few requests each, so that many at a time do not wait for a long list."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from openrouter_server import OpenRouterServer, answer
from stepmagic.server import connections as clients
from stepmagic.server.connections import Clients

_BODY = {
    "model": "stepfun/step-3.7-flash",
    "messages": [{"role": "user", "content": "Hi"}],
}


async def ask(many: Clients, server: OpenRouterServer) -> int:
    """Return the status of a reply."""
    with many.one() as client:
        response = await client.post(
            f"{server.url}/chat/completions",
            json=_BODY,
            headers={"authorization": f"Bearer {server.key}"},
        )
    return response.status_code


async def at_once(many: Clients, server: OpenRouterServer, count: int) -> list[int]:
    """Ask several times at once; returns the statuses."""
    return await asyncio.gather(*(ask(many, server) for _ in range(count)))


def test_many_at_a_time_share_clients_and_connections(server: OpenRouterServer) -> None:
    server.enqueue(*(answer("Yes.", delay_s=0.1) for _ in range(20)))

    async def main() -> int:
        many = Clients(trust_env=False)
        for _ in range(2):
            assert await at_once(many, server, 10) == [200] * 10
        held = len(many._held)
        await many.close()
        return held

    assert asyncio.run(main()) == 3
    assert len({request.client_port for request in server.requests}) == 10


def test_what_is_idle_for_long_is_closed_but_for_the_first(
    server: OpenRouterServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        many = Clients(trust_env=False)
        await at_once(many, server, 10)
        _, *others = (client.inner for client in many._held)
        assert not any(client.is_closed for client in others)
        monkeypatch.setattr(clients, "_IDLE_S", -1.0)
        await ask(many, server)
        await asyncio.sleep(0)
        assert [client.is_closed for client in others] == [True, True]
        assert len(many._held) == 1
        assert await at_once(many, server, 10) == [200] * 10
        await many.close()

    asyncio.run(main())


def test_a_client_whose_request_fails_is_free_again() -> None:
    async def main() -> None:
        many = Clients(trust_env=False)
        for _ in range(10):
            with pytest.raises(httpx.ConnectError), many.one() as client:
                await client.get("http://127.0.0.1:1")
        assert [client.requests for client in many._held] == [0]
        await many.close()

    asyncio.run(main())
