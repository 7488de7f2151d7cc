"""Engines that ask several independent questions: routers, sub-questions, retries, citations.

Each asks our LLM what it asks LlamaIndex's mock, and none of its calls sees another one's.
"""

import asyncio
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from llama_index.core import Document, SummaryIndex, VectorStoreIndex
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.evaluation import FaithfulnessEvaluator, RelevancyEvaluator
from llama_index.core.extractors import SummaryExtractor, TitleExtractor
from llama_index.core.indices.query.query_transform import HyDEQueryTransform
from llama_index.core.indices.query.query_transform.base import StepDecomposeQueryTransform
from llama_index.core.ingestion import run_transformations
from llama_index.core.llms import LLM
from llama_index.core.postprocessor import LLMRerank
from llama_index.core.query_engine import (
    CitationQueryEngine,
    FLAREInstructQueryEngine,
    MultiStepQueryEngine,
    RetrieverQueryEngine,
    RetryQueryEngine,
    RouterQueryEngine,
    SubQuestionQueryEngine,
    TransformQueryEngine,
)
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import TextNode
from llama_index.core.selectors import (
    LLMMultiSelector,
    LLMSingleSelector,
    PydanticMultiSelector,
    PydanticSingleSelector,
)
from llama_index.core.tools import QueryEngineTool

from azure_agents.emulator import Emulator
from llamaindex_azure_agents import AzureAgentLLM

from .oracle import Spoken, brain, oracle, seen

EMBEDDING = MockEmbedding(embed_dim=4)
Make = Callable[..., AzureAgentLLM]


@cache
def _index() -> VectorStoreIndex:
    # One for both LLMs: with equal embeddings the order of hits is the order of random node ids.
    documents = [Document(text=f"City {n} has {n} people.", id_=str(n)) for n in range(3)]
    return VectorStoreIndex.from_documents(documents, embed_model=EMBEDDING)


def engine(llm: LLM) -> Any:
    """The engine that the others ask."""
    return _index().as_query_engine(llm=llm)


def tools(llm: LLM) -> list[QueryEngineTool]:
    """Two engines to choose between."""
    summary = SummaryIndex.from_documents([Document(text="All about cities.", id_="s")])
    return [
        QueryEngineTool.from_defaults(engine(llm), "small", "Knows little facts."),
        QueryEngineTool.from_defaults(summary.as_query_engine(llm=llm), "big", "Knows it all."),
    ]


SUB_QUESTIONS = """```json
{"items": [
  {"sub_question": "How many live in city 1?", "tool_name": "small"},
  {"sub_question": "How many live in city 2?", "tool_name": "small"},
  {"sub_question": "What are cities?", "tool_name": "big"}
]}
```"""

# Words of a prompt, and what is answered to it.
ANSWERS = {
    "output a list of relevant sub-questions": SUB_QUESTIONS,
    "Some choices are given below": '[{"choice": 2, "reason": "big"}]',
    "generate 3 search queries": "one\ntwo\nthree",
    "A list of documents is shown below": "Doc: 2, Relevance: 7\nDoc: 1, Relevance: 3",
    "Either YES/ NO": "YES",
}


def reply(messages: list[Spoken]) -> str:
    """The answer of both; where nothing special is asked it depends on what was shown."""
    asked = messages[-1][1]
    for words, answer in ANSWERS.items():
        if words.casefold() in asked.casefold():
            return answer
    return f"An answer to {len(asked)} letters in {len(messages)} messages."


@pytest.fixture(name="make")
def _make(make_llm: Make) -> Make:
    return lambda **settings: make_llm(brain(reply), **settings)


def sub_questions(llm: LLM) -> Any:
    """Three questions at once."""
    generator = LLMQuestionGenerator.from_defaults(llm=llm)
    return SubQuestionQueryEngine.from_defaults(
        tools(llm), llm=llm, question_gen=generator, verbose=False
    )


def router(llm: LLM) -> Any:
    """One of two, chosen by text."""
    selector = LLMSingleSelector.from_defaults(llm=llm)
    return RouterQueryEngine.from_defaults(tools(llm), llm=llm, selector=selector)


def multi_router(llm: LLM) -> Any:
    """Several, chosen by text."""
    selector = LLMMultiSelector.from_defaults(llm=llm)
    return RouterQueryEngine.from_defaults(tools(llm), llm=llm, selector=selector)


def multi_step(llm: LLM) -> Any:
    """One question after the other."""
    transform = StepDecomposeQueryTransform(llm=llm, verbose=False)
    return MultiStepQueryEngine(
        engine(llm), transform, index_summary="Cities", num_steps=2,
        response_synthesizer=_index().as_query_engine(llm=llm)._response_synthesizer,
    )  # fmt: skip


def retry(llm: LLM) -> Any:
    """Asks again while an evaluator is not content."""
    return RetryQueryEngine(engine(llm), RelevancyEvaluator(llm=llm), max_retries=1)


def citation(llm: LLM) -> Any:
    """Numbers its sources."""
    return CitationQueryEngine.from_args(_index(), llm=llm, citation_chunk_size=64)


def flare(llm: LLM) -> Any:
    """Looks up while it writes."""
    return FLAREInstructQueryEngine(engine(llm), llm=llm, max_iterations=2)


def hyde(llm: LLM) -> Any:
    """Looks for an invented answer."""
    return TransformQueryEngine(engine(llm), HyDEQueryTransform(llm=llm))


def fusion(llm: LLM) -> Any:
    """Several retrievals for several wordings; asks by `complete`."""
    retriever = QueryFusionRetriever([_index().as_retriever()], llm=llm, num_queries=4)
    return RetrieverQueryEngine.from_args(retriever, llm=llm)


def rerank(llm: LLM) -> Any:
    """Lets the LLM sort what was found."""
    reranked = LLMRerank(llm=llm, choice_batch_size=2, top_n=1)
    return _index().as_query_engine(llm=llm, node_postprocessors=[reranked])


ENGINES = [
    sub_questions, router, multi_router, multi_step, retry, citation, flare, hyde, fusion, rerank,
]  # fmt: skip


@pytest.mark.parametrize("is_async", [True, False])
@pytest.mark.parametrize("make_engine", ENGINES)
def test_engines_ask_what_they_ask_others(
    foundry: Emulator, make: Make, make_engine: Any, is_async: bool
) -> None:
    """Same answers, and the agent sees exactly what the mock was sent, call by call."""
    mock, answers = oracle(reply), []
    for llm in (make(), mock):
        asked = make_engine(llm)
        made = asyncio.run(asked.aquery("How many?")) if is_async else asked.query("How many?")
        answers.append(str(made))
    assert answers[1] == answers[0]
    assert sorted(mock.sent) == sorted(seen(foundry))


def test_extractors_ask_about_every_node(foundry: Emulator, make: Make) -> None:
    """Ingestion asks many at once."""
    mock, found = oracle(reply), []
    for llm in (make(), mock):
        nodes = [TextNode(text=f"Words {n}. " * 20, id_=str(n)) for n in range(4)]
        steps = [TitleExtractor(llm=llm, nodes=1), SummaryExtractor(llm=llm)]
        found.append([node.metadata for node in run_transformations(nodes, steps)])
    assert found[1] == found[0]
    assert sorted(mock.sent) == sorted(seen(foundry))
    assert 6 == len(mock.sent)  # four summaries, a title and its combination


def test_evaluators_judge(foundry: Emulator, make: Make) -> None:
    """Each judgement is a question of its own."""
    mock, found = oracle(reply), []
    for llm in (make(), mock):
        for judge in (RelevancyEvaluator(llm=llm), FaithfulnessEvaluator(llm=llm)):
            made = judge.evaluate(query="Q", response="A", contexts=["C"])
            found.append((made.passing, made.feedback))
    assert found[2:] == found[:2]
    assert sorted(mock.sent) == sorted(seen(foundry))


# -- routers that want objects ------------------------------------------------------------------

ONE = '{"index": 2, "reason": "It knows it all."}'
BOTH = '{"selections": [{"index": 1, "reason": "x"}, {"index": 2, "reason": "y"}]}'


SELECTORS: dict[str, tuple[Any, str, list[int]]] = {
    "single": (PydanticSingleSelector, ONE, [1]),
    "multi": (PydanticMultiSelector, BOTH, [0, 1]),
}


@pytest.mark.parametrize("is_async", [True, False])
@pytest.mark.parametrize("name", SELECTORS)
def test_a_router_chooses_without_a_declared_tool(
    foundry: Emulator, make_llm: Make, name: str, is_async: bool
) -> None:
    """The default selectors force a tool; the agent is asked for its arguments instead."""
    make_selector, answer, chosen = SELECTORS[name]
    llm = make_llm(answer)
    selector, choices = make_selector.from_defaults(llm=llm), [t.metadata for t in tools(llm)]
    if is_async:
        result = asyncio.run(selector.aselect(choices, "How many?"))
    else:
        result = selector.select(choices, "How many?")
    assert chosen == [selection.index for selection in result.selections]
    assert [] == foundry._world.unfinished()
    assert "tools" not in foundry.requests[-1].body


def test_a_router_needs_no_settings(make_llm: Make) -> None:
    """As in every example: tools and an LLM."""
    llm = make_llm(lambda turn: ONE if "choice" in turn.last_user_text else "Many.")
    assert "Many." == str(RouterQueryEngine.from_defaults(tools(llm), llm=llm).query("How many?"))
