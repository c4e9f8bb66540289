# Every target sets up what it needs. Python 3.11 to 3.13: make PYTHON=python3.12 test
PYTHON ?= python3
FER2013 ?=
NETWORK ?= modern
KEEP_DUPLICATES ?= False
SEED ?= 22
RUN ?=
ENVIRONMENT := .venv
BIN := $(ENVIRONMENT)/bin
READY := $(ENVIRONMENT)/ready
PARALLEL := --numprocesses=2 --dist=loadfile --no-loadscope-reorder

.PHONY: demo test test-all versions train notebooks lab lint benchmark film lock

demo: $(READY)  ## recognise the two sample portraits
	$(BIN)/python src/run.py via_image.ipynb --output results/runs/via_image.ipynb

test: $(READY)  ## lint, then the tests that take minutes at most together
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/python -m pytest $(PARALLEL) -m 'not slow'

test-all: $(READY)  ## lint, then all tests
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/python -m pytest $(PARALLEL)

versions: $(READY)  ## run the notebooks with the oldest and the newest packages that they admit, and with Colab's
	PYTHONPATH=src $(BIN)/python tests/versions.py

train: $(READY)  ## FER2013=<folder, zip or csv>: train the network
	$(BIN)/python src/run.py train_model.ipynb --output results/runs/train_model.ipynb \
	    --set 'FER2013=$(FER2013)' --set 'NETWORK=$(NETWORK)' --set 'KEEP_DUPLICATES=$(KEEP_DUPLICATES)' --set 'SEED=$(SEED)'

notebooks: $(READY)  ## build the notebooks from src/; RUN=1 also runs them and keeps their outputs
	$(BIN)/python src/build.py $(if $(RUN),--run)

lab: $(READY)  ## open JupyterLab on the notebooks, also for root, as one is in a container
	$(BIN)/jupyter lab --allow-root train_model.ipynb via_image.ipynb via_webcam.ipynb

benchmark: $(READY)  ## FER2013=<zip of the Kaggle folder>: accuracy, faces found and speed beside other programs
	$(BIN)/python benchmarks/benchmark.py $(if $(FER2013),'$(FER2013)')

film: $(READY)  ## film the live view of via_webcam.ipynb in JupyterLab: results/webcam.gif (needs Chromium)
	PYTHONPATH=src $(BIN)/python tests/film_webcam.py

lint: $(READY)  ## repair what ruff can
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .
	$(BIN)/ruff format --line-length=88 src/train_model.py src/via_image.py src/via_webcam.py

lock: $(READY)  ## write requirements-dev.txt anew
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 requirements-dev.in -o requirements-dev.txt

$(READY): requirements.txt requirements-dev.txt
	$(PYTHON) -c 'import sys; assert (3, 11) <= sys.version_info < (3, 14), f"Python 3.11 to 3.13 is needed, this is {sys.version.split()[0]}: make PYTHON=python3.12 …"'
	$(PYTHON) -m venv $(ENVIRONMENT)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements-dev.txt
	touch $(READY)
