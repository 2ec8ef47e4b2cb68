"""The fast training step on CPUs, behind one door: `kernels`. Nothing outside imports another module of this folder."""
