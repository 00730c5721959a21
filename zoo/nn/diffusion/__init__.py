"""Variational diffusion (Kingma et al. 2021): schedules, denoiser, losses and sampling."""
