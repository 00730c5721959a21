"""Line fluxes of ionised nebulae: H II regions, planetary nebulae, supernova remnants."""
