"""The phone of those who go there: crews, grid supervisors, committee workers."""
