"""`/bind` in a chat whose platform gave it another id."""

from pathlib import Path

from tests.gateway_bot import BINDINGS
from tests.scene import OTHER, OWNER, scene_in

TEXT = f"""{BINDINGS}\
  - {{agent: parrot, match: {{channel: telegram, peer: {{kind: group, id: "-77"}}}}}}
"""


async def test_binding_of_a_moved_group_can_be_taken_away_there(tmp_path: Path) -> None:
    async with scene_in(tmp_path, bindings=TEXT) as scene:
        scene.simulator.telegram.add_group(-77, "small", [OWNER, OTHER], kind="group")
        assert await scene.ask(OTHER, "hello", chat=-77)
        new_id = scene.simulator.telegram.migrate(-77, OWNER)
        _, shown = await scene.ask(OWNER, "/bind", chat=new_id)
        assert "parrot for channel telegram, peer.kind group, peer.id -77" in shown
        _, gone = await scene.ask(OWNER, "/bind off", chat=new_id)
        assert "main" in gone
        _, shown = await scene.ask(OWNER, "/bind", chat=new_id)
        assert "main for channel telegram (line" in shown
    assert (tmp_path / "bindings.yaml").read_text() == BINDINGS
