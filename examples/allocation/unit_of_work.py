"""The repository of products, and the transaction that it belongs to."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError
from typing_extensions import override

from messagebus import SyncAbstractRepository
from messagebus.adapters.sqlalchemy import SyncSQLAlchemyUnitOfWork

from .model import Product, UnknownBatchError, UnknownSkuError
from .tables import batches


class Products(SyncAbstractRepository[Product]):
    """The products, in a session of SQLAlchemy."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session

    def add(self, product: Product) -> None:
        """Add a new product."""
        self._session.add(product)
        self.seen.append(product)

    def find(self, sku: str) -> Product | None:
        """Return the product with this SKU; None if there is none."""
        product = self._session.get(Product, sku)
        if product is not None:
            self.seen.append(product)
        return product

    def get(self, sku: str) -> Product:
        """Return the product with this SKU.

        Raises:
            UnknownSkuError: there is none.
        """
        product = self.find(sku)
        if product is None:
            raise UnknownSkuError(sku)
        return product

    def get_by_batch(self, ref: str) -> Product:
        """Return the product that has this batch.

        Raises:
            UnknownBatchError: there is none.
        """
        sku = self._session.scalar(sa.select(batches.c.sku).where(batches.c.ref == ref))
        if sku is None:
            raise UnknownBatchError(ref)
        return self.get(sku)


class UnitOfWork(SyncSQLAlchemyUnitOfWork[Products]):
    """A transaction of the service."""

    products: Products

    @override
    def attach(self, session: Session) -> None:
        self.products = Products(session)

    @override
    def is_transient(self, error: BaseException) -> bool:
        # Somebody else has changed the product since it was loaded.
        return isinstance(error, StaleDataError) or super().is_transient(error)
