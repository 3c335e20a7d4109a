# The image of every process of the service: web, worker and beat differ in their command alone.
FROM python:3.11-slim

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 VAR_DIR=/var/lib/guoxue

# What lays text out for PDF exports, and fonts for it: Chinese, and signs such as ✗ that the Chinese ones lack.
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-noto-cjk fonts-dejavu-core \
    && rm -rf /var/lib/apt/lists/*

RUN useradd --system --create-home --home-dir /var/lib/guoxue guoxue
WORKDIR /app
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY --chown=guoxue:guoxue . .
USER guoxue
EXPOSE 8000
CMD ["python", "-m", "guoxue.serve", "--bind", "0.0.0.0", "--port", "8000"]
