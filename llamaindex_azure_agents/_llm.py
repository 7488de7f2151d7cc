"""`AzureAgentLLM`: a Foundry agent as a LlamaIndex LLM.

The constructor, copies and what the service keeps stand here; `_settings` has the fields, `_turns`
the endpoints that ask the agent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy, deepcopy
from typing import Any, Self

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponseAsyncGen,
    ChatResponseGen,
    LLMMetadata,
)
from llama_index.core.llms.function_calling import FunctionCallingLLM
from pydantic import SecretStr

from azure_agents import AsyncFileHandle, FileHandle, Observer, ThreadStore, Timeouts, TurnRequest
from azure_agents.client.model_clients import MODEL_ARGUMENTS, ModelClients
from azure_agents.content.stop import stop_texts
from azure_agents.drivers.clock import Clock
from azure_agents.errors import ConfigError
from azure_agents.frameworks.copies import checked_copy
from azure_agents.frameworks.described_fields import with_fields
from azure_agents.seams import AsyncTransport, Transport
from azure_agents.settings.headers import extra_headers_of, user_identity_of

from ._chunks import astream, stream
from ._files import Answer, references_of
from ._messages import to_messages
from ._recording import current_turns
from ._settings import refuse_unknown
from ._turns import Turns


@with_fields(beyond=FunctionCallingLLM)
class AzureAgentLLM(Turns):
    """An agent that lives in Microsoft Foundry, as an LLM.

    Works wherever LlamaIndex takes an LLM. Every call is a pure function of its messages: the
    agent sees these messages and nothing else, its own instructions stay in force, and what the
    server already holds is not sent again.

    Example:
        >>> llm = AzureAgentLLM(model="my-agent", endpoint="https://…/api/projects/p")
        >>> answer = llm.chat([ChatMessage("Hello")])
        >>> answer.message.content, answer.additional_kwargs["thread_id"], answer.raw["usage"]

    Credentials and transports are not part of what is printed, dumped or pickled. An unpickled
    LLM signs in again from its environment.

    Every call also takes ``thread_id=``, ``owner=``, ``stop=`` (a text or several that end the
    answer), ``timeout=``, ``extra_headers=``, ``user_identity=``, ``image_generation_deployment=``,
    ``agent_session_id=`` and options such as ``max_tokens=`` or ``metadata=``; an error names an
    option that the agent refuses. Headers and identity are not pickled: an unpickled LLM refuses
    to be called until they are given again.

    Args:
        model: ``my-agent``, ``my-agent:1`` (v2) or ``asst_…`` (classic), each also with
            ``azure_ai/agents/`` before it; else the environment's ``AZURE_AI_AGENT``.
        endpoint: The project, ``https://….services.ai.azure.com/api/projects/…``, or the endpoint
            of one agent; else ``AZURE_AI_PROJECT_ENDPOINT``.
        api_base: Another name of `endpoint`, for those who come from LiteLLM.
        project_endpoint: Another name of `endpoint`, as the Azure SDK has it.
        credential: An azure-identity credential (sync or async), a callable that returns a token,
            or a token; else the environment, and last ``DefaultAzureCredential``.
        api_key: A key of the resource (v2 only), or a token, instead of a credential.
        tenant_id: Directory of a service principal, with `client_id` and `client_secret`.
        client_id: Name of that service principal, or of a managed identity.
        client_secret: Secret of that service principal.
        anchor_key: Seals the anchors of answers, for messages that a browser keeps; else
            ``AZURE_AGENTS_ANCHOR_KEY``.
        transport: httpx transport of sync calls, for tests and proxies.
        async_transport: httpx transport of async calls, for tests and proxies.
        thread_store: Where threads are remembered; by default in memory, one for the process.
        observer: An object with ``record(event)``, which is called for every request and retry.
        operation_keys: Makes the unique key of each turn, for recordings.
        clock: Time for deadlines and waits, such as the emulator's; default is the machine's.
        fields: The fields below and those of every LlamaIndex LLM (``system_prompt``,
            ``callback_manager``, ``output_parser`` …), by name.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        endpoint: str | None = None,
        api_base: str | None = None,
        project_endpoint: str | None = None,
        credential: Any = None,
        api_key: str | SecretStr | None = None,
        tenant_id: str | None = None,
        client_id: str | None = None,
        client_secret: str | SecretStr | None = None,
        anchor_key: str | SecretStr | None = None,
        transport: Transport | None = None,
        async_transport: AsyncTransport | None = None,
        thread_store: ThreadStore | None = None,
        observer: Observer | None = None,
        operation_keys: Callable[[], str] | None = None,
        clock: Clock | None = None,
        **fields: Any,
    ) -> None:
        """Make an LLM; the class describes arguments and fields."""
        refuse_unknown(type(self), fields)
        given = {"endpoint": endpoint, "api_base": api_base, "project_endpoint": project_endpoint}
        if isinstance(fields.get("timeout"), dict):  # what a dump makes of Timeouts
            fields["timeout"] = Timeouts(**fields["timeout"])
        hidden_fields: dict[str, Any] = {
            "user_identity": user_identity_of(fields.pop("user_identity", None)),
            "extra_headers": extra_headers_of(fields.pop("extra_headers", None)),
        }
        held = ModelClients(
            {
                "credential": credential,
                "api_key": api_key,
                "tenant_id": tenant_id,
                "client_id": client_id,
                "client_secret": client_secret,
                "anchor_key": anchor_key,
                "transport": transport,
                "async_transport": async_transport,
                "thread_store": thread_store,
                "observer": observer,
                "operation_keys": operation_keys,
                "clock": clock,
            }
        )
        chosen = {name: fields[name] for name in MODEL_ARGUMENTS if name in fields}
        chosen |= {"model": model, "endpoint": _one_of(given), **hidden_fields}
        settings = held.settings(chosen)
        # The resolved values: a pickle may be read where the environment is another one.
        super().__init__(
            model=model or settings.agent.requested,
            endpoint=settings.endpoint.url,
            **hidden_fields,
            **fields,
        )
        self._clients = held
        self._settings  # noqa: B018 - looked at to be checked

    def __setattr__(self, name: str, value: Any) -> None:
        field = type(self).model_fields.get(name)
        if field is not None and field.frozen:
            # Pydantic's own error would show the value, which may be a secret.
            raise ConfigError(
                f"{name} of an {type(self).__name__} is frozen: it is read once, when the object "
                f"is made; make another with model_copy(update={{{name!r}: …}})"
            )
        super().__setattr__(name, value)

    def __setstate__(self, state: dict[str, Any]) -> None:
        # The base class would hide a failure here and leave an object without a connection.
        type(self).__init__(self, **state["__dict__"])

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy the LLM, maybe with other settings; they are checked as in the constructor.

        Args:
            update: Arguments of the constructor by name, with their new values.
            deep: Copy what the fields hold as well; credentials and transports are shared.

        Raises:
            ConfigError: A value is wrong, or the constructor does not have such an argument.
        """
        if not update:
            copied = super().model_copy(deep=deep)
            copied._clients = copy(self._clients)  # noqa: SLF001 - of the same class
            return copied
        made = type(self)(**{**self._clients.given, **self.__dict__, **update})
        made._clients.share(self._clients)  # noqa: SLF001 - of the same class
        return deepcopy(made) if deep else made

    copy = checked_copy

    @classmethod
    def class_name(cls) -> str:
        """Name the class, for dumps."""
        return "azure_agent_llm"

    @property
    def metadata(self) -> LLMMetadata:
        """Facts that LlamaIndex reads of the model on every call; nothing is sent."""
        return LLMMetadata(
            context_window=self.context_window,
            num_output=self.num_output,
            is_chat_model=True,
            is_function_calling_model=self.is_function_calling_model,
            model_name=self.model,
        )

    def to_payload(self) -> dict[str, Any]:
        """Describe this LLM for traces, without secrets."""
        about = {"model": self.model, "temperature": self.temperature}
        return {"class_name": self.class_name(), **self.metadata.model_dump(), **about}

    def _request(self, messages: Sequence[ChatMessage], kwargs: Mapping[str, Any]) -> TurnRequest:
        options = {
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            **self.additional_kwargs,
            **kwargs,
        }
        return TurnRequest(
            messages=to_messages(messages),
            thread_id=options.pop("thread_id", None),
            owner=options.pop("owner", None),
            stop=stop_texts(options.pop("stop", None)),
            options=options,
        )

    # -- what the service keeps ----------------------------------------------------------------

    def files_of(self, answer: Answer) -> list[FileHandle]:
        """Give handles on the images and files that an answer brought along; nothing is loaded yet.

        Args:
            answer: A response of `chat`, the output of an agent, or the `raw` of either.
        """
        return [self.client.files.handle(found) for found in references_of(answer)]

    def async_files_of(self, answer: Answer) -> list[AsyncFileHandle]:
        """Give handles on the images and files of an answer, whose methods are awaited.

        Args:
            answer: As for `files_of`.
        """
        return [self.async_client.files.handle(found) for found in references_of(answer)]

    def resume(self, response_id: str) -> ChatResponseGen:
        """Stream a background answer (v2) that anybody began, from its beginning.

        Args:
            response_id: From the first chunk of the stream (``additional_kwargs["response_id"]``).
        """
        return stream(self.client.resume(response_id), current_turns())

    async def aresume(self, response_id: str) -> ChatResponseAsyncGen:
        """Stream a background answer (v2) that anybody began; as `resume`.

        Args:
            response_id: As for `resume`.
        """
        return astream(self.async_client.resume(response_id), current_turns())


def _one_of(given: Mapping[str, str | None]) -> str | None:
    values = {value for value in given.values() if value is not None}
    if len(values) > 1:
        raise ConfigError(
            f"{', '.join(given)} are names of one setting and were given {len(values)} values: "
            "pass one of them"
        )
    return values.pop() if values else None
