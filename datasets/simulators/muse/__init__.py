"""Spectra of ionised gas as MUSE sees them: lines of sight through several kinds of nebulae."""
