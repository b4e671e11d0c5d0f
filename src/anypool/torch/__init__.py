"""What torch needs besides arrays: gradients, operators of torch.compile, registration. Nothing
here imports torch until it is used."""
