"""What all surfaces share: login, hats, language, large type, errors, the style page."""
