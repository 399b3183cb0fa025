"""Jobs: accepted now and worked on later, whatever happens in between."""
