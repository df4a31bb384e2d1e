"""The metadata of the distribution that follow from its name and its repository."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

# hatchling knows one file.
sys.path.append(str(Path(__file__).parent))

from repository import address_of, link_to, replace_links


class DistributionHook(MetadataHookInterface):
    """Fills in the name of the distribution in its extras, and the links of its description."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the dynamic fields."""
        metadata["optional-dependencies"] = {
            extra: [each.replace("{name}", metadata["name"]) for each in requirements]
            for extra, requirements in self.config["extras"].items()
        }
        readme = Path(self.root, "README.md").read_text("utf-8")
        linked = replace_links(readme, partial(link_to, address_of(metadata)))
        metadata["readme"] = {"content-type": "text/markdown", "text": linked}
