"""Contracts with other teams: JSON Schemas, AsyncAPI documents, and what a change breaks."""

from __future__ import annotations

from .asyncapi import asyncapi_document
from .comparison import Change, compare
from .compatibility import reads
from .contract import Contract, ContractMessage, contract_of
from .document import Document
from .finding import Finding
from .places import Place

__all__ = [
    "Change",
    "Contract",
    "ContractMessage",
    "Document",
    "Finding",
    "Place",
    "asyncapi_document",
    "compare",
    "contract_of",
    "reads",
]
