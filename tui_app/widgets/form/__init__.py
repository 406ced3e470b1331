"""Forms made from a config class: `Form` is the widget; `fields` and `written` are pure."""
