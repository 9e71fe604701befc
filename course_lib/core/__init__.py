"""The few contracts that everybody speaks: rankings, id maps, tables, seeds, caches, safe files, errors."""
