"""What people ask for where there is none."""


class UnknownPlace(LookupError):
    """There is no such chat, topic, person, message or command in the simulator."""
