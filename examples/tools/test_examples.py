"""The Python examples as tests, answered inside the process: `pytest test_examples.py -k lite_llm`."""

import pytest
from run import calls


@pytest.mark.parametrize("name", ["fal_client_stream", "hugging_face", "lite_llm", "livekit_speech", "pipecat_speech"])
def test_every_call_completes(fakefal, name: str) -> None:
    made = {task: call() for task, call in calls(name)}
    assert all(made.values())
    fakefal.assert_completed(len(made))
