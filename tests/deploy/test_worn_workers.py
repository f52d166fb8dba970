"""Workers that are replaced for their age or their memory, under load: no request fails."""

from deploy.clients import CheckingClients
from deploy.site import Site
from deploy.supervisors import WORKERS, Supervised, start


def replaced(running: Supervised, pattern: str, times: int) -> None:
    running.wait_for(pattern, times)
    running.wait_for(r"worker \d+ exited with status 0", times)
    running.wait_for(r"worker \d+ is ready", WORKERS + times)


def test_workers_that_reach_their_lifetime_are_replaced(site: Site, bind: str) -> None:
    running = start(
        "rhebok", site, bind, "--max-worker-lifetime", "0.2", "--max-worker-lifetime-jitter", "0.3"
    )
    try:
        with CheckingClients(running.address) as clients:
            clients.wait_for(1)
            replaced(running, "has reached --max-worker-lifetime: replacing it", 6)
            clients.wait_for_more()
        running.judge()
    finally:
        running.end()
        print(running.log)


def test_workers_that_have_grown_are_replaced(site: Site, bind: str) -> None:
    """Each request takes a megabyte more."""
    site.release("held = []")
    source = site.directory / "deployed.py"
    grow = '    token = environ["QUERY_STRING"].encode()'
    source.write_text(source.read_text().replace(grow, '    held.append(b"x" * (1 << 20))\n' + grow))
    running = start("rhebok", site, bind, "--max-worker-memory", "100m")
    try:
        with CheckingClients(running.address, close=1, kept=1) as clients:
            replaced(running, r"has grown to \d+ MiB: replacing it", 2)
            clients.wait_for_more(10)
        running.judge()
    finally:
        running.end()
        print(running.log)
