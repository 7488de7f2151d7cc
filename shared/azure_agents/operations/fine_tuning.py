"""`create_fine_tuning_job` and the other functions for jobs, each with its async twin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Unpack

from ..errors import BadRequestError, ConfigError, InvalidRequestError
from ..models.answers import Answer
from ..models.arguments import ModelArguments
from ..models.call import bare_request, extra_of, fields_of, json_request, plain
from ..models.lost_answers import cancel, create
from ..models.resource_calls import ResourceCall, named_id, page_query, read_resource, trace_of
from ..models.settings import read_settings
from ..naming import shown
from ..protocols.commands import Flow, Reply


def create_fine_tuning_job(
    model: str,
    training_file: str,
    *,
    hyperparameters: Mapping[str, Any] | None = None,
    method: Mapping[str, Any] | None = None,
    suffix: str | None = None,
    validation_file: str | None = None,
    integrations: Sequence[Mapping[str, Any]] | None = None,
    seed: int | None = None,
    **arguments: Unpack[ModelArguments],
) -> Answer:
    """Start a job that trains a model.

    It is started again only where it provably was not. After a lost answer there is one look in the
    list: the job of this model and these files that was made since is the answer.

    Args:
        model: What is trained: ``gpt-4o-mini``, also with ``azure/`` or ``openai/`` before it.
        training_file: The id of a file with purpose ``fine-tune``.
        hyperparameters: Such as ``{"n_epochs": 3}``.
        method: Such as ``{"type": "supervised"}``.
        suffix: A part of the new model's name.
        validation_file: The id of another such file.
        integrations: As the service takes them.
        seed: Makes jobs repeatable.
        arguments: Where, who and how, as for `azure_agents.completion`; fields that the service
            knows and this function does not name (``trainingType``) go up as they are.

    Returns:
        The service's job: ``job.id``, ``job.status``.

    Raises:
        TurnUnknownError: The answer was lost, and the list does not say what became of it.
        AzureAgentsError: See `azure_agents.errors`.
    """
    fields = {
        "hyperparameters": hyperparameters,
        "method": method,
        "suffix": suffix,
        "validation_file": validation_file,
        "integrations": integrations,
        "seed": seed,
    }
    return _creation(model, training_file, fields, arguments).whole()


async def acreate_fine_tuning_job(
    model: str,
    training_file: str,
    *,
    hyperparameters: Mapping[str, Any] | None = None,
    method: Mapping[str, Any] | None = None,
    suffix: str | None = None,
    validation_file: str | None = None,
    integrations: Sequence[Mapping[str, Any]] | None = None,
    seed: int | None = None,
    **arguments: Unpack[ModelArguments],
) -> Answer:
    """Do as `create_fine_tuning_job` does, on an event loop.

    Args:
        model: As for `create_fine_tuning_job`.
        training_file: As for `create_fine_tuning_job`.
        hyperparameters: As for `create_fine_tuning_job`.
        method: As for `create_fine_tuning_job`.
        suffix: As for `create_fine_tuning_job`.
        validation_file: As for `create_fine_tuning_job`.
        integrations: As for `create_fine_tuning_job`.
        seed: As for `create_fine_tuning_job`.
        arguments: As for `create_fine_tuning_job`; instead of its `transport`, `async_transport` is
            used.
    """
    fields = {
        "hyperparameters": hyperparameters,
        "method": method,
        "suffix": suffix,
        "validation_file": validation_file,
        "integrations": integrations,
        "seed": seed,
    }
    return await _creation(model, training_file, fields, arguments).awhole()


def retrieve_fine_tuning_job(
    fine_tuning_job_id: str, *, model: str | None = None, **arguments: Unpack[ModelArguments]
) -> Answer:
    """Look at a job; ``fine_tuned_model`` is the name of what it has made.

    Args:
        fine_tuning_job_id: The id that the service gave it.
        model: A deployment of the resource; not needed.
        arguments: Where, who and how, as for `azure_agents.completion`.
    """
    return _of_one("retrieve_fine_tuning_job", fine_tuning_job_id, model, arguments).whole()


async def aretrieve_fine_tuning_job(
    fine_tuning_job_id: str, *, model: str | None = None, **arguments: Unpack[ModelArguments]
) -> Answer:
    """Do as `retrieve_fine_tuning_job` does, on an event loop.

    Args:
        fine_tuning_job_id: The id that the service gave it.
        model: As for `retrieve_fine_tuning_job`.
        arguments: As for `acreate_fine_tuning_job`.
    """
    call = _of_one("retrieve_fine_tuning_job", fine_tuning_job_id, model, arguments)
    return await call.awhole()


def cancel_fine_tuning_job(
    fine_tuning_job_id: str, *, model: str | None = None, **arguments: Unpack[ModelArguments]
) -> Answer:
    """Cancel a job.

    Args:
        fine_tuning_job_id: The id that the service gave it.
        model: As for `retrieve_fine_tuning_job`.
        arguments: As for `retrieve_fine_tuning_job`.
    """
    return _of_one("cancel_fine_tuning_job", fine_tuning_job_id, model, arguments).whole()


async def acancel_fine_tuning_job(
    fine_tuning_job_id: str, *, model: str | None = None, **arguments: Unpack[ModelArguments]
) -> Answer:
    """Do as `cancel_fine_tuning_job` does, on an event loop.

    Args:
        fine_tuning_job_id: The id that the service gave it.
        model: As for `retrieve_fine_tuning_job`.
        arguments: As for `acreate_fine_tuning_job`.
    """
    call = _of_one("cancel_fine_tuning_job", fine_tuning_job_id, model, arguments)
    return await call.awhole()


def list_fine_tuning_jobs(
    after: str | None = None,
    limit: int | None = None,
    *,
    model: str | None = None,
    **arguments: Unpack[ModelArguments],
) -> Answer:
    """List the jobs of a resource, the newest first: one page, as the service gives it.

    Args:
        after: The id of the last job of the page before.
        limit: How many at most.
        model: As for `retrieve_fine_tuning_job`.
        arguments: As for `retrieve_fine_tuning_job`.

    Returns:
        ``answer.data``, and ``answer.get("has_more")``.
    """
    return _listing(after, limit, model, arguments).whole()


async def alist_fine_tuning_jobs(
    after: str | None = None,
    limit: int | None = None,
    *,
    model: str | None = None,
    **arguments: Unpack[ModelArguments],
) -> Answer:
    """Do as `list_fine_tuning_jobs` does, on an event loop.

    Args:
        after: As for `list_fine_tuning_jobs`.
        limit: As for `list_fine_tuning_jobs`.
        model: As for `retrieve_fine_tuning_job`.
        arguments: As for `acreate_fine_tuning_job`.
    """
    return await _listing(after, limit, model, arguments).awhole()


def list_fine_tuning_events(
    fine_tuning_job_id: str,
    after: str | None = None,
    limit: int | None = None,
    *,
    model: str | None = None,
    **arguments: Unpack[ModelArguments],
) -> Answer:
    """List what a job has told, the newest first: one page, as the service gives it.

    Args:
        fine_tuning_job_id: The id that the service gave it.
        after: The id of the last event of the page before.
        limit: How many at most.
        model: As for `retrieve_fine_tuning_job`.
        arguments: As for `retrieve_fine_tuning_job`.

    Returns:
        ``answer.data``, and ``answer.get("has_more")``.
    """
    return _events(fine_tuning_job_id, after, limit, model, arguments).whole()


async def alist_fine_tuning_events(
    fine_tuning_job_id: str,
    after: str | None = None,
    limit: int | None = None,
    *,
    model: str | None = None,
    **arguments: Unpack[ModelArguments],
) -> Answer:
    """Do as `list_fine_tuning_events` does, on an event loop.

    Args:
        fine_tuning_job_id: The id that the service gave it.
        after: As for `list_fine_tuning_events`.
        limit: As for `list_fine_tuning_events`.
        model: As for `retrieve_fine_tuning_job`.
        arguments: As for `acreate_fine_tuning_job`.
    """
    return await _events(fine_tuning_job_id, after, limit, model, arguments).awhole()


# --- the calls ----------------------------------------------------------------------------------


def _creation(
    model: object, training_file: object, fields: Mapping[str, Any], given: Mapping[str, Any]
) -> ResourceCall:
    if model is None:
        raise ConfigError("create_fine_tuning_job trains a model: pass model='gpt-4o-mini'")
    given = {**given, "custom_llm_provider": given.get("custom_llm_provider") or "azure"}
    settings = read_settings(model, given)
    name = settings.model.name
    files = {"training_file": named_id(training_file, "training file", "training_file")}
    if fields["validation_file"] is not None:
        files["validation_file"] = named_id(
            fields["validation_file"], "validation file", "validation_file"
        )
    _check_fields(fields)
    known = {key: plain(value) for key, value in fields.items() if value is not None}
    # A deployment that the base names is not what is trained.
    body = {"model": name, **files, **known, **fields_of(given), **extra_of(given)}
    request = json_request(settings, "create_fine_tuning_job", body)
    told: dict[str, Any] = {key: known[key] for key in ("suffix", "seed") if key in known}
    trace = trace_of(settings, "job", "list_fine_tuning_jobs", {**files, **told}, model=name)
    return ResourceCall(settings, request, partial(_with_advice, create(request, trace), body))


def _with_advice(flow: Flow[Reply], body: Mapping[str, Any]) -> Flow[Reply]:
    """Create a job; say what a refusal may mean, since the service names the wrong cause."""
    try:
        return (yield from flow)
    except BadRequestError as error:
        # Quoted in public reports: so the service answers where it wants a trainingType.
        if "does not support fine-tuning" in error.message and "trainingType" not in body:
            error.say_more(
                "the service may want a kind of training: pass trainingType=1 (standard)"
            )
        raise


def _check_fields(fields: Mapping[str, Any]) -> None:
    for name in ("hyperparameters", "method"):
        if fields[name] is not None and not isinstance(fields[name], Mapping):
            raise InvalidRequestError(f"{name} must be a dictionary, got {shown(fields[name])}")


def _of_one(
    operation: str, job_id: object, model: object, given: Mapping[str, Any]
) -> ResourceCall:
    id = named_id(job_id, "fine-tuning job", "fine_tuning_job_id")
    settings = read_resource(operation, model, given)
    request = bare_request(settings, operation, id=id)
    if operation == "retrieve_fine_tuning_job":
        return ResourceCall(settings, request)
    look = bare_request(settings, "retrieve_fine_tuning_job", id=id)
    bare = {"id": id, "object": "fine_tuning.job"}
    return ResourceCall(settings, request, partial(cancel, request, look), bare)


def _listing(after: object, limit: object, model: object, given: Mapping[str, Any]) -> ResourceCall:
    settings = read_resource("list_fine_tuning_jobs", model, given)
    query = page_query(limit, after)
    return ResourceCall(settings, bare_request(settings, "list_fine_tuning_jobs", query=query))


def _events(
    job_id: object, after: object, limit: object, model: object, given: Mapping[str, Any]
) -> ResourceCall:
    id = named_id(job_id, "fine-tuning job", "fine_tuning_job_id")
    settings = read_resource("list_fine_tuning_events", model, given)
    query = page_query(limit, after)
    request = bare_request(settings, "list_fine_tuning_events", id=id, query=query)
    return ResourceCall(settings, request)
