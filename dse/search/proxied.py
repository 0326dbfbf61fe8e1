"""A client of Optuna's gRPC proxy that notices soon when a proxy that was away is back."""

from typing import Any

from optuna.storages import GrpcStorageProxy

RECONNECT_MS = 2_000
"""Milliseconds at most between two attempts to reach a proxy that is away. Left to itself gRPC waits ever
longer, up to two minutes, which is more than we wait for a storage."""


class Proxied(GrpcStorageProxy):
    """Optuna's client over a channel that tries more often."""

    def _setup(self) -> None:
        import grpc
        from optuna.storages._grpc.auto_generated import api_pb2_grpc
        from optuna.storages._grpc.client import GrpcClientCache

        options = {"grpc.max_receive_message_length": -1, "grpc.max_reconnect_backoff_ms": RECONNECT_MS}
        self._channel = grpc.insecure_channel(f"{self._host}:{self._port}", options=list(options.items()))
        stubs: Any = api_pb2_grpc  # generated, without types
        self._stub = stubs.StorageServiceStub(self._channel)
        self._cache = GrpcClientCache(self._stub)
