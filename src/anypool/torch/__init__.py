"""torch besides its arrays: gradients, operators of torch.compile, their registration. torch is
imported on first use.
"""
