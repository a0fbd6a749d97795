"""The MQTT sessions of the uplinks: the only place of the kit that knows aiomqtt and paho."""
