"""The demo: one page of pictures that shows what anypool computes from a photograph."""
