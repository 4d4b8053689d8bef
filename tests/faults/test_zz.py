import time
from pathlib import Path

from conftest import generated

from sources.fake_server import Answer


def test_a(serve_fake, sync):
    s = serve_fake("phaxio", generated("phaxio", 40, days=2))
    out = []
    for i in range(6):
        t = time.time()
        r = sync()
        out.append((i, r.exit_code, round(time.time() - t, 2)))
        if i == 3:
            s.fake.add(*generated("phaxio", 10, days=1, first_id=900000000))
    s.server.answer = lambda r: Answer(503)
    t = time.time()
    r = sync()
    out.append((r.exit_code, round(time.time() - t, 2)))
    Path("/tmp/t2/o").write_text(str(out))
