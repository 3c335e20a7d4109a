"""Decides the errors of the corpus: files that cannot be read, and parts of the search that do not answer."""

from guoxue.errors import ApplicationError, ServiceUnavailable


class CorpusFileRefused(ApplicationError):
    """A file as a whole cannot be loaded into the corpus; the message says why and where."""

    code = "corpus_file_refused"
    message = "文件无法导入，请检查后重试。"


class EmbeddingUnavailable(ServiceUnavailable):
    """The embedding model gives no vectors: its files are missing, or its server does not answer."""

    code = "embedding_unavailable"
    message = "向量模型暂时不可用，请稍后再试。"
