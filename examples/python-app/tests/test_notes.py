import unittest

from notes import create_app


class NotesTest(unittest.TestCase):
    def setUp(self):
        self.client = create_app().test_client()

    def test_a_note_is_shown_as_it_was_added(self):
        self.assertEqual(self.client.post("/notes", json={"text": "milk"}).get_json(), {"number": 1})
        self.assertEqual(self.client.get("/notes/1").get_json(), {"number": 1, "text": "milk"})

    def test_markup_in_a_note_is_escaped(self):
        self.client.post("/notes", json={"text": "<b>"})
        self.assertIn("&lt;b&gt;", self.client.get("/").get_data(as_text=True))

    def test_a_note_without_text_is_refused(self):
        self.assertEqual(self.client.post("/notes", json={"text": ""}).status_code, 400)
        self.assertEqual(self.client.get("/notes/1").status_code, 404)


if __name__ == "__main__":
    unittest.main()
