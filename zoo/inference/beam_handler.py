"""A model of the zoo as Apache Beam's RunInference knows models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from apache_beam.ml.inference.base import ModelHandler

from zoo.errors import InputError
from zoo.model import Model, load_model
from zoo.prediction import Prediction
from zoo.ranges import Outside


class ZooModelHandler(ModelHandler[Any, Prediction | InputError, Model]):
    """Loads a release once per worker and predicts one table or mapping of many objects at a time.

    Beam's own handler of TensorFlow models loads Keras files, which releases are not. An element
    that the model refuses gives its `InputError` in place of a prediction, so that one does not
    end a pipeline.

    Parameters
    ----------
    name : str
        Model, or the path of a release folder.
    version : int, optional
        The newest one unless given.
    outside : str
        As of `Model.predict`.
    """

    def __init__(self, name: str, version: int | None = None, outside: Outside = "warn") -> None:
        super().__init__()
        self.name, self.version, self.outside = name, version, outside

    def load_model(self) -> Model:
        """Load the release."""
        return load_model(self.name, self.version)

    def run_inference(
        self, batch: Sequence[Any], model: Model, inference_args: dict[str, Any] | None = None
    ) -> Iterable[Prediction | InputError]:
        """One answer for each element."""
        return [self._answer(x, model, inference_args or {}) for x in batch]

    def _answer(self, x: Any, model: Model, arguments: dict[str, Any]) -> Prediction | InputError:
        try:
            return model.predict(x, outside=self.outside, **arguments)
        except InputError as error:
            return error

    def batch_elements_kwargs(self) -> dict[str, int]:
        """Elements are batches already."""
        return {"min_batch_size": 1, "max_batch_size": 1}

    def get_metrics_namespace(self) -> str:
        """Where Beam's own metrics of the inference are found."""
        return "zoo"
