"""A small web application that keeps notes in memory."""

from flask import Flask, abort, jsonify, render_template_string, request

PAGE = """<!doctype html>
<title>Notes</title>
<ul>{% for number, text in notes %}<li id="{{ number }}">{{ text }}</li>{% endfor %}</ul>
"""


def create_app():
    app = Flask(__name__)
    notes = {}

    @app.get("/")
    def page():
        return render_template_string(PAGE, notes=sorted(notes.items()))

    @app.get("/notes/<int:number>")
    def show(number):
        if number not in notes:
            abort(404)
        return jsonify(number=number, text=notes[number])

    @app.post("/notes")
    def add():
        text = (request.get_json(silent=True) or {}).get("text")
        if not isinstance(text, str) or not text:
            abort(400)
        number = max(notes, default=0) + 1
        notes[number] = text
        return jsonify(number=number), 201

    return app
