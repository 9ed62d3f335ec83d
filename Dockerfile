# One image, three roles: serve, work, migrate. No database inside; DATABASE_URL names one. Only what
# serves is installed: requirements-serve.lock has neither the embedded database nor the tools of tests.
FROM node:20-bookworm-slim AS faces
WORKDIR /build/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci --no-fund --no-audit
COPY web ./
RUN npm run build

FROM python:3.11-slim-bookworm AS build
WORKDIR /build
COPY requirements-serve.lock pyproject.toml README.md LICENSE ./
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements-serve.lock
COPY api api
COPY commitments commitments
COPY runtime runtime
COPY --from=faces /build/runtime/faces runtime/faces
COPY scheduling scheduling
COPY schemas schemas
COPY storage storage
COPY sync sync
RUN /venv/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/doorstep --create-home doorstep
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH DOORSTEP_HOST=0.0.0.0 DOORSTEP_STATE=/var/lib/doorstep NUMBA_CACHE_DIR=/var/lib/doorstep/numba
USER 10001
WORKDIR /var/lib/doorstep
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=3s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health/live', timeout=2)"]
ENTRYPOINT ["doorstep"]
CMD ["serve"]
