"""Edits of Python code: of what is read alone, and of what computes."""

import ast
import io
import keyword
import tokenize

OPERATORS = {"+": "-", "-": "+", "/": "-", "//": "/", "<": ">", ">": "<", "==": "!=", "<=": ">=", ">=": "<=", "|": "&"}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def reworded(text: str) -> str:
    """Return the same code with other docstrings, other comments and more blank lines."""
    return more_commented(redocumented(text))


def redocumented(text: str) -> str:
    """Add a word to every docstring of a module, class or function."""
    lines = text.encode().splitlines(keepends=True)  # columns of a syntax tree count bytes
    ends = [node.body[0] for node in ast.walk(ast.parse(text)) if isinstance(node, DOCUMENTED) and _documented(node)]
    for end in ends:
        line, column = end.end_lineno - 1, end.end_col_offset - 3
        assert lines[line][column : column + 3] == b'"""'
        lines[line] = lines[line][:column] + b" Edited." + lines[line][column:]
    return b"".join(lines).decode()


def more_commented(text: str) -> str:
    """Add a comment and a blank line after every line of code that ends a statement."""
    lines = text.splitlines(keepends=True)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NEWLINE:
            line, column = token.start
            lines[line - 1] = lines[line - 1][:column] + "  # edited\n\n"
    return "# edited\n" + "".join(lines)


def computing_tokens(text: str) -> list[tokenize.TokenInfo]:
    """Return the numbers, names and most operators of code."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [token for token in tokens if _changed(token) is not None]


def with_other(text: str, token: tokenize.TokenInfo) -> str:
    """Return code with another number, name or operator in the place of one."""
    lines = text.splitlines(keepends=True)
    line, (start, end) = token.start[0] - 1, (token.start[1], token.end[1])
    lines[line] = lines[line][:start] + _changed(token) + lines[line][end:]
    return "".join(lines)


def _documented(node: ast.AST) -> bool:
    return ast.get_docstring(node, clean=False) is not None


def _changed(token: tokenize.TokenInfo) -> str | None:
    if token.type == tokenize.NUMBER:
        return f"{token.string}7" if token.string.startswith("0x") else f"7{token.string}"
    if token.type == tokenize.NAME and not keyword.iskeyword(token.string) and not keyword.issoftkeyword(token.string):
        return f"{token.string}_edited"
    return OPERATORS.get(token.string) if token.type == tokenize.OP else None
