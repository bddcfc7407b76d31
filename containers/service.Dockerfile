# The web service with its locked environment: docker build -f containers/service.Dockerfile -t gliobench-service .
# Then, with a finished study and deploy/service.env on the host, and nginx (deploy/nginx) before port 8000:
#   docker run --rm --env-file deploy/service.env -v "$PWD/results:/gliobench/results:ro" -v gliobench:/var/lib/gliobench gliobench-service migrate
#   docker run -d --restart always (the same options) -p 127.0.0.1:8000:8000 gliobench-service web --host 0.0.0.0 --processes 2
#   docker run -d --restart always (the same options) gliobench-service workers
# nginx of the host reaches the container from Docker's gateway: -e FORWARDED_ALLOW_IPS=172.17.0.1 makes the log name the clients.
FROM python:3.11-slim-bookworm

RUN apt-get update \
    && apt-get install --yes --no-install-recommends git make \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --home-dir /var/lib/gliobench --create-home gliobench

WORKDIR /gliobench
# The environment first: an edit of the code does not install it again. That of the studies is needed only to make it.
COPY Makefile requirements.lock requirements-service.lock ./
RUN make setup-service && rm -rf .venv
COPY . .
ENV PYTHONPATH=/gliobench/workflow/scripts:/gliobench/service PYTHONNOUSERSITE=1 PYTHONDONTWRITEBYTECODE=1
USER gliobench
VOLUME /var/lib/gliobench
ENTRYPOINT ["/gliobench/.venv-service/bin/python", "-m", "gliobench_service"]
