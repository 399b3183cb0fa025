"""Sessions: pictures that are described, corrected and exported, whatever happens in between."""
