"""Whether the tables say of every certificate what the audit log says: the log replayed beside them."""

from pki.reconciliation.comparison import Difference
from pki.reconciliation.replay import Reconciliation

__all__ = ["Difference", "Reconciliation"]
