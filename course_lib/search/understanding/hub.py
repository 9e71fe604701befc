"""An instruction-tuned model by its name on the hub, through ``transformers``, as one more source of rewrites."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from course_lib.core.errors import ContractError, DataError
from course_lib.language.training import pick_device


class HubModel:
    """What answers prompts on this machine, e.g. ``HubModel("Qwen/Qwen2.5-1.5B-Instruct")``; see ``ModelSource``.

    Weights are read as safetensors alone, and code that comes with a model is never run.

    Args:
        name: on the hub, or the path of a saved model's folder.
        download: fetch what is not on this machine; without it, only what is there is used, and no network is asked.
        max_tokens: of an answer. device: ``"auto"``, ``"cpu"``, ``"cuda"``.

    Attributes:
        name: for a folder, its own name without the path.

    Raises:
        ContractError: no name, or no token to write.
        DataError: no such model here (or, with ``download``, on the hub), or one without a chat template.
    """

    def __init__(self, name: str, *, download: bool = False, max_tokens: int = 200, device: str = "auto"):
        from transformers import AutoModelForCausalLM, AutoTokenizer

        if not name or not isinstance(name, str) or max_tokens < 1:
            raise ContractError("a hub model needs a name and a token at least")
        self.max_tokens, self.device = max_tokens, pick_device(device)
        self.name = Path(name).name if os.path.isdir(name) else name
        settings: dict[str, Any] = {"local_files_only": not download, "trust_remote_code": False}
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(name, **settings)
            self.model = AutoModelForCausalLM.from_pretrained(name, use_safetensors=True, dtype="auto", **settings)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            remedy = "Check the name and the connection" if download else "Fetch it once with download=True"
            raise DataError(f"can't load the model ({type(error).__name__})", where=name, remedy=remedy) from error
        if not self.tokenizer.chat_template:
            remedy = "Choose a model whose name says instruct or chat"
            raise DataError("the model has no chat template: it was not taught to answer", where=name, remedy=remedy)
        self.model.to(self.device).eval()

    def __repr__(self) -> str:
        return f"HubModel({self.name!r})"

    @torch.no_grad()
    def complete(self, prompt: str) -> str:
        """The answer, the likeliest token at each step.

        Raises:
            ContractError: the prompt is not a text.
        """
        if not isinstance(prompt, str):
            raise ContractError(f"a prompt is a text, not {type(prompt).__name__}")
        said = self.tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}], add_generation_prompt=True, return_dict=True, return_tensors="pt"
        ).to(self.device)
        out = self.model.generate(**said, do_sample=False, max_new_tokens=self.max_tokens)
        return self.tokenizer.decode(out[0, said["input_ids"].shape[1] :], skip_special_tokens=True)
