"""Tables derived from published packages, and the script that derives them."""
