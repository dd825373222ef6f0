# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One client used by several threads at once, with a stand-in for the learner that it calls."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from ml3_msgs.msg import Adaptation
from ml3_msgs.srv import LoadLearnedLoss, ResetOptimizee
from ml3_ros.client import Client, RunError
from ml3_ros.client.client import LEARNER
from ml3_ros.nodes.kit.qos import RELIABLE_100

THREADS, CALLS = 4, 25
METHODS = [f"method_{i}" for i in range(8)]


@pytest.fixture
def client(graph):
    with Client(graph.namespace) as client:
        yield client


@pytest.fixture
def learner(graph):
    """Return the stand-in: it answers with what it was asked, and publishes while it does."""
    node = graph.plain(LEARNER)
    publishers = [
        node.create_publisher(Adaptation, f"adaptation/{m}", RELIABLE_100) for m in METHODS
    ]

    def answer(words, response):
        for method, publisher in zip(METHODS, publishers, strict=True):
            publisher.publish(Adaptation(method=method))
        response.success, response.message = "wrong" not in words, words
        return response

    node.create_service(
        ResetOptimizee,
        f"{LEARNER}/reset_optimizee",
        lambda request, response: answer(f"{request.methods[0]} {request.seed}", response),
    )
    node.create_service(
        LoadLearnedLoss,
        f"{LEARNER}/load_learned_loss",
        lambda request, response: answer(request.file, response),
    )
    return node


def test_each_thread_gets_the_answers_to_its_own_calls(graph, client, learner):
    together = threading.Barrier(THREADS)

    def calls(thread):
        together.wait()
        for i in range(CALLS):
            assert client.reset(f"thread_{thread}", seed=i) == f"thread_{thread} {i}"
            assert client.load_loss(f"file_{thread}_{i}") == f"file_{thread}_{i}"
            with pytest.raises(RunError, match=f"wrong_{thread} {i}"):
                client.reset(f"wrong_{thread}", seed=i)
            assert list(client.statuses()) == sorted(client.statuses())

    with ThreadPoolExecutor(THREADS) as pool:
        done = [pool.submit(calls, thread) for thread in range(THREADS)]
        graph.until(lambda: all(map(Future.done, done)))
    for thread in done:
        thread.result()
    graph.until(lambda: set(client.statuses()) == set(METHODS) or learner_speaks(client, graph))


def learner_speaks(client, graph):
    """Let the learner publish once more: topics are found some time after their first message."""
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(client.reset, "again")
        graph.until(call.done)
    return False


def test_close_ends_what_other_threads_wait_for(graph, client):
    # A learner whose executor stands still: the service is there and does not answer.
    graph.plain(LEARNER).create_service(
        ResetOptimizee, f"{LEARNER}/reset_optimizee", lambda _, response: response
    )
    with ThreadPoolExecutor(2) as pool:
        waiting = [
            pool.submit(client.reset, timeout=600.0),
            pool.submit(client.load_loss, "no service", timeout=600.0),
        ]
        graph.until(lambda: client._calls == 2)
        closing = threading.Thread(target=client.close)
        closing.start()
        client.close()  # by two threads at once
        for call in waiting:
            with pytest.raises(RunError, match="is closed"):
                call.result(60.0)
        closing.join(60.0)
    assert not closing.is_alive()
    for late in (client.reset, lambda: client.start("reacher_invdyn")):
        with pytest.raises(RunError, match="this client is closed: make a new one"):
            late()


def test_an_answer_that_comes_too_late_is_no_answer_to_the_next_call(graph, client, learner):
    with pytest.raises(RunError, match="does not answer within 2 s"):
        client.reset("early", timeout=2.0)  # nobody spins the learner
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(client.reset, "late", seed=3)
        graph.until(call.done)
    assert call.result() == "late 3"
