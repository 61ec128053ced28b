"""What the package ships to run at once: a small network in two trainings, and a sample of images."""

from ._load import cifar10_sample as cifar10_sample
from ._load import resnet20 as resnet20
from ._resnet20 import ResNet20 as ResNet20
