"""From a recipe to a release."""
