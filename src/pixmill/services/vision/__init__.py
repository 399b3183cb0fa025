"""
A model looks at pictures and says what is on them: whose words they are, and what is done to them.

1. `types` has what is asked for (`Style`), what comes back (`Partial`, `Described`), and the
   protocol `Vision` of whoever answers.
2. `providers` makes that from the settings; None when no model is configured.
3. `openai` asks a server that speaks OpenAI's protocol; `local` asks a model in this process.
4. `prompts` is what a model is told, and `answers` what is made of what it says, which is text from
   a stranger: cleaned, cut, checked, and never replaced by words of our own.
5. `filenames` makes names for files out of such words.
"""
