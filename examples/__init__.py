"""Programs that use anypool; they are not part of the package."""
